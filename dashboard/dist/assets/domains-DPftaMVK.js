import{a}from"./index-BXlWhDTJ.js";import{P as o}from"./page-DH83ZbmL.js";function e(){return a(o,{title:"Domains",children:null})}export{e as default};
