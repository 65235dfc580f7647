import{a as t}from"./index-BXlWhDTJ.js";import{P as o}from"./page-DH83ZbmL.js";function n(){return t(o,{title:"Accounts",children:null})}export{n as default};
