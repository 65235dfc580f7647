import{a as t}from"./index-BXlWhDTJ.js";import{P as o}from"./page-DH83ZbmL.js";function i(){return t(o,{title:"Routing",children:null})}export{i as default};
